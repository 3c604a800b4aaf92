-- Everything on which work is left, in one small table: the reconciler works from it alone.
CREATE TABLE open_payments (
    payment_id         uuid        PRIMARY KEY,
    payment_created_at timestamptz NOT NULL,
    likeness           bytea       UNIQUE,          -- what makes a second payment a duplicate of this one
    lease_until        timestamptz NOT NULL,
    lease_epoch        integer     NOT NULL DEFAULT 1,
    next_check_at      timestamptz NOT NULL,
    checked_at         timestamptz,
    settled            boolean     NOT NULL DEFAULT false,  -- nothing is left but to let the likeness go
    operation          bytea       NOT NULL         -- encrypted: the call that is, or may be, in flight
);
CREATE INDEX ON open_payments (next_check_at);

-- At most one live prompt per phone.
CREATE TABLE held_phones (
    phone      bytea       PRIMARY KEY,             -- blinded
    payment_id uuid        NOT NULL,
    until      timestamptz NOT NULL
);
CREATE INDEX ON held_phones (payment_id);

-- Orders of which a payment succeeded after it was told as failed: perhaps they were paid again meanwhile.
CREATE TABLE orders_paid_late (
    user_id    uuid NOT NULL,
    order_id   text NOT NULL,
    payment_id uuid NOT NULL,
    PRIMARY KEY (user_id, order_id, payment_id)
);

-- Inside a statement of several parts: gives up all of it, and tells the caller which payment stands in the way.
CREATE FUNCTION refuse(state text, holder uuid) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = state, MESSAGE = 'refused', DETAIL = holder::text;
END $$;
