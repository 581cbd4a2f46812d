/*
lock_room -- until the transaction ends, nobody else changes which concerts a room guards, or whether
it is anonymous. The one is kept in this database and the other is not, so that only a lock keeps
both from happening at once.
*/
CREATE OR REPLACE FUNCTION lock_room(p_room text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('onsale.room.' || p_room, 0))
$$;
