-- One row per spell of social assistance. Exports have no key and repeat what earlier ones told: of spells that begin on
-- one day with the same cause and decade of birth, as many count as the export with the most of them has, in the order
-- of their last days; one that any export tells as ended has ended. What can change during a spell is not compared.
SELECT s.event_id, CAST(NULL AS VARCHAR(8)) AS district, s.started_on, s.ended_on
FROM (
    SELECT
        t.event_id, t.started_on, t.ended_on,
        ROW_NUMBER() OVER (
            PARTITION BY t.started_on, t.cause_code, t.birth_decade, t.nth
            ORDER BY t.ended_on NULLS LAST, t.event_id
        ) AS newest
    FROM (
        SELECT
            e.event_id, e.started_on, e.ended_on, e.cause_code, e.birth_decade,
            ROW_NUMBER() OVER (
                PARTITION BY e.in_delivery, e.started_on, e.cause_code, e.birth_decade
                ORDER BY e.ended_on NULLS LAST, e.event_id
            ) AS nth
        FROM assistance_spell e
    ) t
) s
WHERE s.newest = 1
