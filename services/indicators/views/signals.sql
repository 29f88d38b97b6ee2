-- One row per signal. A signal that the partner sent and that the municipality's own list repeats (same address,
-- partner type, arisen on and signalled on) is one signal: the partner's row counts.
SELECT a.address, a.district, a.partner_type, a.signalled_on
FROM payment_arrears a
WHERE a.reported_by = 'partner'
   OR NOT EXISTS (
        SELECT 1
        FROM payment_arrears twin
        WHERE twin.reported_by = 'partner'
          AND twin.address = a.address
          AND twin.partner_type = a.partner_type
          AND twin.arisen_on = a.arisen_on
          AND twin.signalled_on = a.signalled_on
   )
