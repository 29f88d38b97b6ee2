-- Supply that was really cut off; an announced stop that was averted is not in it.
SELECT s.address, s.district, s.commodity, s.effective_on
FROM supply_stop_notice s
WHERE s.stage = 'carried_out'
