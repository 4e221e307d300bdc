<?php

declare(strict_types=1);

/**
 * Runs what is due in the shop: WordPress's own events and, through one of them, WooCommerce's actions. Like
 * wp-cron.php, which says nothing of how it ended: status 0 only when everything that was due has run.
 */

$finish = (require __DIR__ . '/set-up/finish.php')('cron');
define('DOING_CRON', true);
require __DIR__ . '/set-up/visitor.php';
require '/var/www/html/wp-load.php';

if (version_compare((string) get_option('woocommerce_version'), WC()->version, '<')) {
    fwrite(STDERR, "cron: the set-up of this version has not ended\n");
    exit(1);
}
wp_raise_memory_limit('cron');
$events = 0;
foreach (wp_get_ready_cron_jobs() as $timestamp => $hooks) {
    foreach ($hooks as $hook => $calls) {
        foreach ($calls as ['schedule' => $schedule, 'args' => $args]) {
            if ($schedule) {
                wp_reschedule_event($timestamp, $schedule, $hook, $args);
            }
            wp_unschedule_event($timestamp, $hook, $args);
            do_action_ref_array($hook, $args);
            $events++;
        }
    }
}
$finish("$events events ran");
