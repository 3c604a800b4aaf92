-- Payments, by month of creation: the month is inside the id, so every look-up by id touches one partition.
CREATE TABLE payments (
    id                     uuid        NOT NULL,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    user_id                uuid        NOT NULL,
    order_id               text        NOT NULL,
    gateway                text        NOT NULL,
    method                 jsonb       NOT NULL,    -- type, brand, last4, country; a phone is in "private"
    amount                 bigint      NOT NULL CHECK (amount > 0),
    currency               text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    capture_method         text        NOT NULL CHECK (capture_method IN ('automatic', 'manual')),
    status                 text        NOT NULL CHECK (status IN (
                               'PROCESSING', 'REQUIRES_ACTION', 'AUTHORIZED', 'UNKNOWN',
                               'SUCCEEDED', 'FAILED', 'CANCELLED', 'EXPIRED', 'REVIEW')),
    reason                 text,
    known                  jsonb       NOT NULL,    -- the set of evidence that gives the status
    refs                   jsonb       NOT NULL,    -- the gateway's names for it, by kind
    capture_before         timestamptz,
    amount_captured        bigint      NOT NULL DEFAULT 0 CHECK (amount_captured >= 0),
    amount_refunded        bigint      NOT NULL DEFAULT 0 CHECK (amount_refunded >= 0),
    amount_reserved        bigint      NOT NULL DEFAULT 0 CHECK (amount_reserved >= 0),
    amount_excess_refunded bigint      NOT NULL DEFAULT 0 CHECK (amount_excess_refunded >= 0),
    disputed               boolean     NOT NULL DEFAULT false,
    late                   boolean     NOT NULL DEFAULT false,
    order_overpaid         boolean     NOT NULL DEFAULT false,
    private                bytea       NOT NULL,    -- encrypted: phone, metadata, description, next_action
    history_head           bytea       NOT NULL CHECK (length(history_head) = 32),
    version                integer     NOT NULL CHECK (version > 0),
    PRIMARY KEY (id, created_at),
    CHECK (amount_refunded + amount_reserved <= amount_captured),
    CHECK ((extract(epoch FROM created_at) * 1000)::bigint
           = ('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint)
) PARTITION BY RANGE (created_at);

CREATE INDEX ON payments (user_id, order_id);
