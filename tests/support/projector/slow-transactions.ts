import { eventually } from '../eventually.ts'
import type { Pool } from 'pg'

/**
 * Makes the projector's transactions linger where a fault is to hit them: before COMMIT (rows are written, nothing
 * is certain) or within it (the outcome is decided without the client).
 */
export async function slowTransactions(pool: Pool, seconds = 0.3) {
  await pool.query(`
    create function linger() returns trigger language plpgsql
      as $$ begin perform pg_sleep(${seconds}); return null; end $$;
    create function linger_at_commit() returns trigger language plpgsql
      as $$ begin perform pg_sleep(${seconds}); return null; end $$;`)
  const set = async (statement: string) => {
    await pool.query(`drop trigger if exists linger on projection_checkpoints;
      drop trigger if exists linger_at_commit on projection_checkpoints; ${statement}`)
  }
  return {
    beforeCommit: () =>
      set(`create trigger linger after insert or update on projection_checkpoints
        for each statement execute function linger()`),
    withinCommit: () =>
      set(`create constraint trigger linger_at_commit after insert or update on projection_checkpoints
        deferrable initially deferred for each row execute function linger_at_commit()`),
    off: () => set(''),
    /** Resolves while a transaction lingers, with the pid of its server process. */
    lingering: () =>
      eventually(
        async () => {
          const { rows } = await pool.query<{ pid: number }>(
            `select pid from pg_stat_activity
             where datname = current_database() and wait_event = 'PgSleep'`,
          )
          const [row] = rows
          if (row === undefined) throw new Error('no transaction lingers')
          return row.pid
        },
        { everyMs: 10 },
      ),
  }
}
