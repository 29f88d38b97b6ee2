-- One row per provision, in its latest state: as ended once a state says so. Where municipality and provider both tell of
-- provisions at one address with the same law, kind and first day, as many count as the one with the most of them has.
SELECT q.address, q.district, q.law, q.kind, q.started_on, q.ended_on
FROM (
    SELECT
        r.address, r.district, r.law, r.kind, r.started_on, r.ended_on,
        ROW_NUMBER() OVER (
            PARTITION BY r.address, r.law, r.kind, r.started_on, r.nth
            ORDER BY r.ended_on NULLS LAST, r.event_id
        ) AS told
    FROM (
        SELECT
            s.event_id, s.address, s.district, s.law, s.kind, s.started_on, s.ended_on,
            ROW_NUMBER() OVER (
                PARTITION BY s.sent_by, s.address, s.law, s.kind, s.started_on
                ORDER BY s.ended_on NULLS LAST, s.event_id
            ) AS nth
        FROM (
            SELECT
                e.event_id, e.sent_by, e.address, e.district, e.law, e.kind, e.started_on, e.ended_on,
                ROW_NUMBER() OVER (
                    PARTITION BY e.sent_by, e.provision
                    ORDER BY e.ended_on NULLS LAST, e.event_id
                ) AS newest
            FROM support_provision e
        ) s
        WHERE s.newest = 1
    ) r
) q
WHERE q.told = 1
