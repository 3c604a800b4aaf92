-- Lists, newest first: of everything, of a user, of an order; and the story of a user over all their payments.
ALTER TABLE payments DROP CONSTRAINT payments_pkey, ADD PRIMARY KEY (created_at, id);
DROP INDEX payments_user_id_order_id_idx;
CREATE INDEX ON payments (user_id, created_at, id);
CREATE INDEX ON payments (order_id, created_at, id);

ALTER TABLE payment_history ADD user_id uuid, ADD at timestamptz;

-- What was written before says both already; only here it is not rewritten but repeated.
ALTER TABLE payment_history DISABLE TRIGGER append_only;
UPDATE payment_history
   SET user_id = payments.user_id,
       at      = (convert_from(body, 'UTF8')::jsonb ->> 'at')::timestamptz
  FROM payments
 WHERE id = payment_id AND created_at = payment_created_at;
ALTER TABLE payment_history ENABLE TRIGGER append_only;

ALTER TABLE payment_history ALTER user_id SET NOT NULL, ALTER at SET NOT NULL;
CREATE INDEX ON payment_history (user_id, at, payment_id, seq);
