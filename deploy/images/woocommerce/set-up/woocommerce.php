<?php

declare(strict_types=1);

/**
 * Makes the shop able to sell: plugin, tables, migrations, and in a new shop its settings. Run twice on a new store:
 * the plugin is there only for the process after the one that activates it.
 */

const PLUGIN = 'woocommerce/woocommerce.php';
const SETTINGS_MADE = 'storewright_settings_made';
const INSTALLED = 'storewright_woocommerce_installed';

$finish = (require __DIR__ . '/finish.php')('set-up: woocommerce');
define('WP_ADMIN', true);
require __DIR__ . '/visitor.php';
require '/var/www/html/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';
require_once ABSPATH . 'wp-admin/includes/file.php';
require_once ABSPATH . 'wp-admin/includes/misc.php';
require __DIR__ . '/offline.php';
require __DIR__ . '/migrations.php';
require __DIR__ . '/settings.php';

if (!is_plugin_active(PLUGIN)) {
    $error = activate_plugin(PLUGIN);
    if (is_wp_error($error)) {
        fwrite(STDERR, "set-up: {$error->get_error_message()}\n");
        return;
    }
    $finish('activated');
    return;
}
// WooCommerce notes its version before its install is done: where that was cut off, it would never be.
$isOlder = version_compare((string) get_option(INSTALLED), WC()->version, '<');
if ($isOlder || WC_Install::verify_base_tables(false) !== []) {
    WC_Install::install();
    update_option(INSTALLED, WC()->version);
}
run_migrations();
// Else WooCommerce does it when its owner first comes, after orders that keep the shop on its old order storage.
WC_Install::newly_installed();
if (get_option(SETTINGS_MADE) === false) {
    make_settings();
    update_option(SETTINGS_MADE, gmdate('c'));
}
$finish('version ' . WC()->version);
