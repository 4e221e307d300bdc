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
    // What an earlier version queued is done.
    as_unschedule_all_actions('woocommerce_run_update_callback');
    as_unschedule_all_actions('woocommerce_update_db_to_current_version');
}

/** A migration works in portions: it says true as long as there is more. */
function run_to_its_end(callable $migration, int $giveUpAt): void
{
    while ($migration() === true) {
        if (time() > $giveUpAt) {
            throw new RuntimeException("$migration did not end in time");
        }
    }
}
