(
    SELECT l.value ->> 'name' FROM json_array_elements(s.steps::json) WITH ORDINALITY AS l (value, place)
    WHERE l.value ->> 'status' = 'active'
    ORDER BY l.place DESC LIMIT 1
)
