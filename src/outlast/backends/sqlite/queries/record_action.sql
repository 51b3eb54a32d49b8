INSERT INTO audit (id, at, actor, action, target, detail)
VALUES (:id, :now, :actor, :action, :target, :detail)
ON CONFLICT DO NOTHING
