-- One row per child and approach, in its latest state: as ended once a state says so. Senders number children each in
-- their own way: of those of one year of birth at one address, each sender's first counts as the same child, each
-- sender's second too; so as many count as the sender with the most of them knows. The municipality's own number stands.
SELECT
    FIRST_VALUE(q.known_as) OVER (
        PARTITION BY q.address, q.birth_year, q.nth
        ORDER BY q.own_first, q.sent_by, q.known_as
    ) AS child,
    q.birth_year, q.district, q.approach, q.started_on, q.ended_on
FROM (
    SELECT
        r.sent_by, r.own_first, r.address, r.district, r.known_as, r.birth_year, r.approach, r.started_on, r.ended_on,
        DENSE_RANK() OVER (PARTITION BY r.sent_by, r.address, r.birth_year ORDER BY r.known_as) AS nth
    FROM (
        SELECT
            e.sent_by, e.address, e.district, e.child AS known_as, e.birth_year, e.approach, e.started_on, e.ended_on,
            CASE WHEN e.sent_by = e.municipality THEN 0 ELSE 1 END AS own_first,
            ROW_NUMBER() OVER (
                PARTITION BY e.sent_by, e.child, e.approach, e.started_on
                ORDER BY e.ended_on NULLS LAST, e.event_id
            ) AS newest
        FROM approach_reach e
    ) r
    WHERE r.newest = 1
) q
