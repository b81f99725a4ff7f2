-- Queries of the tail.

-- The instances of who asks, of a customer and of an integration where they are given.
-- name: tail_instances
SELECT i.id FROM instance i
WHERE ($1::uuid IS NULL OR i.customer_id = $1::uuid)
  AND ($2::uuid IS NULL OR i.integration_id IN (
        SELECT v.id FROM integration v WHERE v.id = $2::uuid OR v.sequence_id = $2::uuid))
LIMIT $3::int;
