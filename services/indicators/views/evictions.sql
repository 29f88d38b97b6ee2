-- Evictions that were carried out; announced and withdrawn ones are not in it.
SELECT e.address, e.district, e.cause, e.effective_on
FROM eviction_notice e
WHERE e.stage = 'carried_out'
