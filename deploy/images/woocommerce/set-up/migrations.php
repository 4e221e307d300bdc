<?php

declare(strict_types=1);

/** Longer than any shop's should take, shorter than helm waits. */
const MIGRATIONS_LIMIT_S = 300;

/**
 * Runs what WooCommerce would queue for its clock: the shop's data has the form its code expects before the code
 * serves anybody. The version is noted after each version's migrations, so what was cut off goes on from there.
 */
function run_migrations(): void
{
    $giveUpAt = time() + MIGRATIONS_LIMIT_S;
    if (WC_Install::needs_db_update()) {
        require_once WC_ABSPATH . 'includes/wc-update-functions.php';
        wc_maybe_define_constant('WC_UPDATING', true);
        foreach (WC_Install::get_db_update_callbacks() as $version => $migrations) {
            if (version_compare((string) get_option('woocommerce_db_version'), (string) $version, '>=')) {
                continue;
            }
            foreach (array_filter($migrations, 'is_callable') as $migration) {
                run_to_its_end($migration, $giveUpAt);
            }
            WC_Install::update_db_version((string) $version);
        }
        WC_Install::update_db_version();
        WC_Install::remove_update_db_notice();
    }
    run_queued($giveUpAt);
}

/** What single features queue for the clock, and what an earlier set-up queued, which is done. */
function run_queued(int $giveUpAt): void
{
    $done = array_merge(...array_values(WC_Install::get_db_update_callbacks()));
    $pending = ['hook' => 'woocommerce_run_update_callback', 'status' => 'pending', 'per_page' => -1];
    foreach (as_get_scheduled_actions($pending) as $action) {
        $migration = $action->get_args()['update_callback'] ?? null;
        if (is_callable($migration) && !in_array($migration, $done, true)) {
            run_to_its_end($migration, $giveUpAt);
        }
    }
    as_unschedule_all_actions('woocommerce_run_update_callback');
    as_unschedule_all_actions('woocommerce_update_db_to_current_version');
}

/** A migration works in portions: it says true as long as there is more. */
function run_to_its_end(callable $migration, int $giveUpAt): void
{
    while ($migration()) {
        if (time() > $giveUpAt) {
            throw new RuntimeException('a migration of WooCommerce did not end in time');
        }
    }
}
