<?php

declare(strict_types=1);

/**
 * Plugin Name: Code by image
 * Description: The shop's code comes with its image: nothing else brings its data up to date or looks for newer code.
 */

defined('ABSPATH') || exit;

// A pod of a newer image that runs before its set-up would migrate the data of pods that still serve.
add_action('plugins_loaded', static function (): void {
    remove_action('init', ['WC_Install', 'check_version'], 5);
});
// Queued, migrations would run while the shop sells, and some day: the set-up runs them itself.
add_filter('woocommerce_enable_auto_update_db', '__return_false');

// What WordPress would ask its makers, page by page, and wait for where no way leads there.
const MAKERS = '/^https?:\/\/([a-z0-9-]+\.)*(wordpress\.org|w\.org)(:\d+)?(\/|$)/i';
add_filter('pre_http_request', static function ($answer, array $request, string $url) {
    return preg_match(MAKERS, $url) === 1 ? new WP_Error('code_by_image', 'The code of the shop comes with its image') : $answer;
}, 10, 3);
remove_action('init', 'wp_schedule_update_checks');
foreach (['wp_version_check', 'wp_update_plugins', 'wp_update_themes'] as $check) {
    add_action('init', static fn () => remove_all_actions($check), PHP_INT_MAX);
}
foreach (['_maybe_update_core', '_maybe_update_plugins', '_maybe_update_themes'] as $check) {
    add_action('admin_init', static fn () => remove_action('admin_init', $check), 0);
}
foreach (['core', 'plugins', 'themes'] as $part) {
    add_filter("pre_site_transient_update_$part", static fn (): object => (object) [
        'last_checked' => time(),
        'version_checked' => wp_get_wp_version(),
        'updates' => [],
        'response' => [],
        'translations' => [],
        'no_update' => [],
        'checked' => [],
    ]);
}
add_filter('woocommerce_allow_marketplace_suggestions', '__return_false');
add_filter('woocommerce_helper_suppress_admin_notices', '__return_true');
