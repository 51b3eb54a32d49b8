DELETE FROM facts WHERE space = :space AND key IN (SELECT value FROM json_each(:keys))
