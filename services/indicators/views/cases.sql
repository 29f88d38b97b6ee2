-- One row per early-warning case, in its latest state: of states that came under one event id the latest counts.
SELECT c.address, c.district, c.reached, c.result, c.closed_on
FROM (
    SELECT
        e.address, e.district, e.reached, e.result, e.closed_on,
        ROW_NUMBER() OVER (
            PARTITION BY e.event_id
            ORDER BY e.closed_on DESC NULLS LAST, e.reached DESC, e.result DESC NULLS LAST
        ) AS newest
    FROM early_warning_case e
) c
WHERE c.newest = 1
