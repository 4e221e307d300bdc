<?php

declare(strict_types=1);

/**
 * Makes database and shop ready, once, whatever number of pods start. Exits 0 only when the shop is whole: killed
 * at any moment and run again it either ends the same way or says what is missing.
 */

require __DIR__ . '/set-up/database.php';
require __DIR__ . '/set-up/beginning.php';

const STEPS = ['wordpress', 'woocommerce', 'woocommerce', 'whole'];

mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
try {
    $database = wait_for_database();
    take_lock($database);
    $begun = begin($database);
    break_foreign_locks($database);
    putenv("SET_UP_BEGUN=$begun");
    foreach (STEPS as $step) {
        run_step($step);
    }
    come_to_an_end($database);
} catch (Throwable $error) {
    fwrite(STDERR, "set-up: {$error->getMessage()}\n");
    exit(1);
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
