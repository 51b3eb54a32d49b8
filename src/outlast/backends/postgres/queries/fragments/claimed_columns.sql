{s.session_fields}, {s.progress_fields}, {derived_columns}
