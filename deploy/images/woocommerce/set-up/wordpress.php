<?php

declare(strict_types=1);

/** Installs WordPress, or brings its tables to the version of this image. Changes nothing the second time. */

const PASSWORD_LENGTH_MIN = 12;
const ADMIN = 'shop-admin';
const ADMIN_SECRETS = '/run/secrets/admin';

$finish = (require __DIR__ . '/finish.php')('set-up: wordpress');
define('WP_INSTALLING', true);
require __DIR__ . '/visitor.php';
require '/var/www/html/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require __DIR__ . '/offline.php';

if (is_blog_installed()) {
    wp_upgrade();
    if (ensure_administrator()) {
        $finish('installed before');
    }
    return;
}
$begun = (string) getenv('SET_UP_BEGUN');
if ($begun === '') {
    fwrite(STDERR, "set-up: the database holds tables, but no shop\n");
    return;
}
if (password() === null) {
    return;
}
// The first row of all says whose the tables are: see beginning.php.
make_db_current_silent();
$wpdb->insert($wpdb->options, ['option_name' => 'storewright_set_up', 'option_value' => $begun, 'autoload' => 'off']);
$name = (string) getenv('STORE_NAME');
$result = wp_install($name === '' ? 'Shop' : $name, ADMIN, email(), true, '', wp_slash(password()));
if (!is_wp_error($result) && !empty($result['user_id'])) {
    $finish('installed');
}

/** A shop that nobody can administrate gets its administrator: one that was cut off may never have had one. */
function ensure_administrator(): bool
{
    if (get_users(['role' => 'administrator', 'number' => 1, 'fields' => 'ID']) !== []) {
        return true;
    }
    $password = password();
    if ($password === null) {
        return false;
    }
    if (get_role('administrator') === null) {
        populate_roles();
    }
    $id = username_exists(ADMIN) ?: wp_create_user(ADMIN, wp_slash($password), email());
    if (is_wp_error($id)) {
        fwrite(STDERR, "set-up: {$id->get_error_message()}\n");
        return false;
    }
    (new WP_User($id))->set_role('administrator');
    return true;
}

function password(): ?string
{
    $password = rtrim((string) file_get_contents(ADMIN_SECRETS . '/admin-password'), "\r\n");
    if (strlen($password) >= PASSWORD_LENGTH_MIN) {
        return $password;
    }
    fwrite(STDERR, "set-up: the administrator password is too short\n");
    return null;
}

function email(): string
{
    return trim((string) file_get_contents(ADMIN_SECRETS . '/admin-email'));
}
