-- What the application's role may do; runs after every migration, so a new table needs no line here.
-- Partitions get nothing: whoever comes through the parent needs rights on the parent only, and must not go round it.
SET LOCAL grants.role = :"app_role";

GRANT USAGE ON SCHEMA public TO :"app_role";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO :"app_role";

DO $$
DECLARE
    app_role text := current_setting('grants.role');
    item     record;
BEGIN
    FOR item IN
        SELECT relname AS name,
               CASE relname
                   WHEN 'payment_history'   THEN 'SELECT, INSERT'   -- append only
                   WHEN 'schema_migrations' THEN 'SELECT'           -- is the schema behind the code?
                   ELSE 'SELECT, INSERT, UPDATE, DELETE'
               END AS rights
          FROM pg_class
         WHERE relnamespace = 'public'::regnamespace
           AND relkind IN ('r', 'p')
           AND NOT relispartition
           AND relname !~ '_[0-9]{4}_[0-9]{2}$'   -- a month that is not attached (yet, or any more)
    LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM %I', item.name, app_role);
        EXECUTE format('GRANT %s ON public.%I TO %I', item.rights, item.name, app_role);
    END LOOP;
END
$$;
