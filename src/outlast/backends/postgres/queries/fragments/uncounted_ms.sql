greatest(0, extract(EPOCH FROM now.at - coalesce(s.timed_from, s.created_at)) * 1000)::bigint
