<?php

declare(strict_types=1);

/**
 * Plugin Name: Store
 * Description: What every store closes, whatever its owner installs: who works here is nobody's business.
 */

// A rule of the web server would see only some of the ways to write this address.
add_filter('rest_endpoints', static function (array $endpoints): array {
    if (current_user_can('list_users')) {
        return $endpoints;
    }
    $isOpen = static fn (string $route): bool =>
        !str_starts_with($route, '/wp/v2/users') || $route === '/wp/v2/users/me';
    return array_filter($endpoints, $isOpen, ARRAY_FILTER_USE_KEY);
});

// "?author=1" would be redirected to an address that holds the login.
add_filter('redirect_canonical', static fn ($url) => isset($_GET['author']) ? false : $url);
add_action('parse_request', static function (WP $request): void {
    if (isset($request->query_vars['author']) && !is_admin()) {
        unset($request->query_vars['author']);
        $request->query_vars['error'] = '404';
    }
});

add_filter('xmlrpc_enabled', '__return_false');
add_filter('wp_sitemaps_add_provider', static fn ($provider, string $name) => $name === 'users' ? false : $provider, 10, 2);
