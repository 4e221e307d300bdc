<?php

declare(strict_types=1);

/** Makes database and shop ready, once, whatever number of pods start. Exits 0 only when everything is done. */

const WAIT_S = 180;
const LOCK_WAIT_S = 300;
const STEPS = ['wordpress', 'woocommerce', 'woocommerce'];

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
try {
    $database = wait_for_database();
    take_lock($database);
    foreach (STEPS as $step) {
        run_step($step);
    }
} catch (Throwable $error) {
    fwrite(STDERR, "set-up: {$error->getMessage()}\n");
    exit(1);
}

function wait_for_database(): mysqli
{
    $password = trim((string) file_get_contents('/run/secrets/store/database-password'));
    $give_up_at = time() + WAIT_S;
    for (;;) {
        try {
            $database = mysqli_init();
            $database->options(MYSQLI_OPT_CONNECT_TIMEOUT, 5);
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

/** Each step is a process of its own: WordPress loads once in a process, and ends it when it gives up. */
function run_step(string $step): void
{
    $command = [PHP_BINARY, __DIR__ . "/set-up/$step.php"];
    $process = proc_open($command, [STDIN, STDOUT, STDERR], $pipes);
    $status = $process === false ? -1 : proc_close($process);
    if ($status !== 0) {
        throw new RuntimeException("the step $step ended with $status");
    }
}
