<?php

declare(strict_types=1);

/**
 * WordPress ends with status 0 also when it gives up: a step has succeeded only when it calls the function
 * returned here. Every other end of the process is status 1.
 */
return (static function (string $step): Closure {
    $done = false;
    register_shutdown_function(static function () use (&$done, $step): void {
        if (!$done) {
            fwrite(STDERR, "$step did not come to its end\n");
            exit(1);
        }
    });
    return static function (string $outcome) use (&$done, $step): void {
        $done = true;
        fwrite(STDERR, "$step: $outcome\n");
    };
});
