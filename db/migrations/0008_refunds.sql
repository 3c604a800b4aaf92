-- Money on its way back, beside its payment: in the same month, archived together.
CREATE TABLE refunds (
    id                 uuid        NOT NULL,
    payment_id         uuid        NOT NULL,
    payment_created_at timestamptz NOT NULL,
    user_id            uuid        NOT NULL,
    amount             bigint      NOT NULL CHECK (amount > 0),
    currency           text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    channel            text        NOT NULL CHECK (channel IN ('stripe', 'reversal', 'b2c')),
    origin             text        NOT NULL CHECK (origin IN ('api', 'external')),
    status             text        NOT NULL CHECK (status IN (
                           'PROCESSING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'REVIEW')),
    failure            text,
    freed              boolean     NOT NULL DEFAULT false,  -- its reserve was given up once
    known              jsonb       NOT NULL,    -- the set of evidence that gives the status
    refs               jsonb       NOT NULL,    -- the gateway's names for it, by kind
    private            bytea       NOT NULL,    -- encrypted: the shop's reason, metadata
    requested_at       timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    version            integer     NOT NULL CHECK (version > 0),
    PRIMARY KEY (payment_created_at, id),
    CHECK ((extract(epoch FROM payment_created_at) * 1000)::bigint
           = ('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint)
) PARTITION BY RANGE (payment_created_at);

CREATE INDEX ON refunds (requested_at, id);
CREATE INDEX ON refunds (user_id, requested_at, id);
CREATE INDEX ON refunds (payment_id, requested_at, id);

-- The twin of open_payments.
CREATE TABLE open_refunds (
    refund_id          uuid        PRIMARY KEY,
    payment_created_at timestamptz NOT NULL,
    lease_until        timestamptz NOT NULL,
    lease_epoch        integer     NOT NULL DEFAULT 1,
    next_check_at      timestamptz NOT NULL,
    operation          bytea       NOT NULL     -- encrypted: the call that is, or may be, in flight
);
CREATE INDEX ON open_refunds (next_check_at);

ALTER TABLE payments
    ADD COLUMN amount_to_capture bigint CHECK (amount_to_capture BETWEEN 1 AND amount),    -- null: all
    ADD COLUMN cancel_requested  boolean NOT NULL DEFAULT false;

-- What a key made beside a payment: a refund, a capture, a cancel.
ALTER TABLE idempotency_keys   ADD COLUMN made_id uuid;
ALTER TABLE gateway_references ADD COLUMN refund_id uuid;
ALTER TABLE webhook_inbox      ADD COLUMN refund_id uuid, ADD COLUMN purpose text;
ALTER TABLE callback_tokens    ADD COLUMN refund_id uuid, DROP CONSTRAINT callback_tokens_purpose_check,
    ADD CHECK (purpose IN ('prompt', 'status', 'refund', 'refund_timeout'));
