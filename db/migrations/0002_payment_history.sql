-- The story of every payment: append-only, hash-chained, in the month of its payment.
CREATE TABLE payment_history (
    payment_id         uuid        NOT NULL,
    payment_created_at timestamptz NOT NULL,
    seq                integer     NOT NULL CHECK (seq > 0),
    body               bytea       NOT NULL,        -- the exact bytes that are hashed
    hash               bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (payment_id, payment_created_at, seq)
) PARTITION BY RANGE (payment_created_at);

CREATE FUNCTION refuse_to_rewrite_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment_history is append-only: % refused', TG_OP;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON payment_history
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_history();
CREATE TRIGGER append_only_as_a_whole BEFORE TRUNCATE ON payment_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history();
