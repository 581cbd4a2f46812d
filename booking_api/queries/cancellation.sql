-- cancellation: how far the cancellation of a date has come.
-- $1 concert_schedule_id
SELECT concert_schedule_id, reason, refund_percent, operator, total, done, refunded_amount, created_at,
       finished_at
FROM schedule_job WHERE concert_schedule_id = $1 AND kind = 'cancel'
ORDER BY schedule_job_id DESC LIMIT 1
