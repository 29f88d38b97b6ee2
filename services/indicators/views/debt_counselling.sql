-- One row per address and day of application. Events that told of it again, and cases of others at the address who
-- applied on that day, are taken together: the first talk, the last end of an arrangement, the last end of all.
-- A first talk is due within four weeks (Wgs art. 4).
SELECT
    c.address, c.district, c.applied_on, c.first_talk_on,
    CAST(DATE_ADD('day', 28, c.applied_on) AS DATE) AS talk_due_on,
    CAST(DATE_ADD('day', 182, c.applied_on) AS DATE) AS half_a_year_on,
    c.arrangement_result, c.arrangement_ended_on, c.end_reason, c.ended_on
FROM (
    SELECT
        e.address, e.district, e.applied_on, e.end_reason, e.ended_on,
        MIN(e.first_talk_on) OVER (PARTITION BY e.address, e.applied_on) AS first_talk_on,
        MAX(e.arrangement_ended_on) OVER (PARTITION BY e.address, e.applied_on) AS arrangement_ended_on,
        FIRST_VALUE(e.arrangement_result) OVER (
            PARTITION BY e.address, e.applied_on
            ORDER BY e.arrangement_ended_on DESC NULLS LAST, e.arrangement_result NULLS LAST
        ) AS arrangement_result,
        ROW_NUMBER() OVER (
            PARTITION BY e.address, e.applied_on
            ORDER BY e.ended_on DESC NULLS LAST, e.end_reason NULLS LAST, e.district
        ) AS newest
    FROM debt_counselling_case e
) c
WHERE c.newest = 1
