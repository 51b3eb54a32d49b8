SELECT facts.key AS key, item, facts.value AS value FROM (SELECT value FROM json_each(:keys)) AS wanted CROSS JOIN facts
WHERE facts.space = (SELECT :space) AND facts.key = wanted.value AND until > :now
