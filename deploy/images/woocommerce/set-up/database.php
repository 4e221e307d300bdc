<?php

declare(strict_types=1);

const WAIT_S = 180;
const LOCK_WAIT_S = 300;
const OPTIONS = 'wp_options';

function wait_for_database(): mysqli
{
    $password = trim((string) file_get_contents('/run/secrets/store/database-password'));
    $give_up_at = time() + WAIT_S;
    for (;;) {
        try {
            $database = mysqli_init();
            $database->options(MYSQLI_OPT_CONNECT_TIMEOUT, 5);
            // The lock is waited for longer than any other answer.
            $database->options(MYSQLI_OPT_READ_TIMEOUT, LOCK_WAIT_S + 30);
            $database->real_connect(getenv('DATABASE_HOST'), 'wordpress', $password, 'wordpress');
            return $database;
        } catch (mysqli_sql_exception $error) {
            // 1044, 1045, 1049: refused for good; anything else may be a database that is still starting.
            $hopeless = in_array($error->getCode(), [1044, 1045, 1049], true);
            if ($hopeless || time() > $give_up_at) {
                throw $error;
            }
            usleep(500_000);
        }
    }
}

/** One pod works, the others wait: the lock goes with the connection, however this process ends. */
function take_lock(mysqli $database): void
{
    $wait = LOCK_WAIT_S;
    // The lock must live through steps that use other connections.
    $database->query('SET SESSION wait_timeout = 3600');
    $row = $database->query("SELECT GET_LOCK('storewright_set_up', $wait)")->fetch_row();
    if ((int) ($row[0] ?? 0) !== 1) {
        throw new RuntimeException('another set-up did not end in time');
    }
}

/** WooCommerce's own lock outlives its holder by ten minutes, in which an install returns having done nothing. */
function break_foreign_locks(mysqli $database): void
{
    if (!in_array(OPTIONS, tables_of($database), true)) {
        return;
    }
    $locks = "'wc_installing', '_transient_wc_installing', '_transient_timeout_wc_installing'";
    $database->query('DELETE FROM ' . OPTIONS . " WHERE option_name IN ($locks)");
}

/** @return list<string> */
function tables_of(mysqli $database): array
{
    $query = 'SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()';
    return array_column($database->query($query)->fetch_all(), 0);
}
