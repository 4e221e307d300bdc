<?php

declare(strict_types=1);

/** Installs WordPress, or brings its tables to the version of this image. Changes nothing the second time. */

const PASSWORD_LENGTH_MIN = 12;
const ADMIN_SECRETS = '/run/secrets/admin';

$finish = (require __DIR__ . '/finish.php')('wordpress');
define('WP_INSTALLING', true);
require __DIR__ . '/visitor.php';
require '/var/www/html/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

if (is_blog_installed()) {
    wp_upgrade();
    $finish('installed before');
    return;
}
$password = rtrim((string) file_get_contents(ADMIN_SECRETS . '/admin-password'), "\r\n");
$email = trim((string) file_get_contents(ADMIN_SECRETS . '/admin-email'));
if (strlen($password) < PASSWORD_LENGTH_MIN) {
    fwrite(STDERR, "set-up: the administrator password is too short\n");
    return;
}
add_filter('pre_wp_mail', '__return_true');
$title = getenv('STORE_NAME') ?: 'Shop';
$result = wp_install($title, 'shop-admin', $email, true, '', wp_slash($password));
if (!is_wp_error($result) && !empty($result['user_id'])) {
    $finish('installed');
}
