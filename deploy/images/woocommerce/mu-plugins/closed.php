<?php

declare(strict_types=1);

/**
 * Plugin Name: Closed
 * Description: What every store closes, whatever its owner installs: who works here is nobody's business.
 */

defined('ABSPATH') || exit;

// A rule of the web server would see only some of the ways to write this address.
add_filter('rest_endpoints', static function (array $endpoints): array {
    if (current_user_can('list_users')) {
        return $endpoints;
    }
    $isOpen = static fn (string $route): bool =>
        !str_starts_with($route, '/wp/v2/users') || $route === '/wp/v2/users/me';
    return array_filter($endpoints, $isOpen, ARRAY_FILTER_USE_KEY);
});

// "?author=1" would be redirected to an address that holds the login; a login guessed right would have a page.
add_filter('redirect_canonical', static fn ($url) => isset($_GET['author']) || isset($_GET['author_name']) ? false : $url);
add_action('parse_request', static function (WP $request): void {
    if (is_admin() || array_intersect_key($request->query_vars, ['author' => 0, 'author_name' => 0]) === []) {
        return;
    }
    unset($request->query_vars['author'], $request->query_vars['author_name']);
    $request->query_vars['error'] = '404';
});

// Feeds, posts and embeds name who wrote them, by login where nothing else was chosen: the shop did.
add_filter('the_author', static fn ($name) => is_admin() ? $name : get_bloginfo('name'));
add_filter('author_link', static fn ($link) => is_admin() ? $link : home_url('/'));
add_filter('oembed_response_data', static function (array $data): array {
    return array_diff_key($data, ['author_name' => 0, 'author_url' => 0]);
});

// Whether it was the name or the password that was wrong is nobody's business.
add_filter('login_errors', static fn ($message) => $message === '' ? '' : __('The login or the password is wrong.'));

add_filter('xmlrpc_enabled', '__return_false');
add_filter('wp_sitemaps_add_provider', static fn ($provider, string $name) => $name === 'users' ? false : $provider, 10, 2);
