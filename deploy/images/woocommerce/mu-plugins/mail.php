<?php

declare(strict_types=1);

/**
 * Plugin Name: Mail
 * Description: Sends the shop's mails by the SMTP server its chart names. Without one no mail is sent, and the log says so.
 */

defined('ABSPATH') || exit;

/** Seconds: a mail server that does not answer holds a worker no longer. */
const MAIL_TIMEOUT_S = 10;

add_action('phpmailer_init', static function (PHPMailer\PHPMailer\PHPMailer $mailer): void {
    $secret = static fn (string $key): string => trim((string) @file_get_contents("/run/secrets/mail/$key"));
    $mailer->isSMTP();
    $mailer->Host = (string) getenv('MAIL_HOST');
    $mailer->Port = (int) getenv('MAIL_PORT');
    $mailer->SMTPSecure = ['starttls' => 'tls', 'tls' => 'ssl'][getenv('MAIL_SECURITY')] ?? '';
    $mailer->SMTPAutoTLS = false;
    $mailer->Timeout = MAIL_TIMEOUT_S;
    $mailer->Username = $secret('username');
    $mailer->Password = $secret('password');
    $mailer->SMTPAuth = $mailer->Username !== '';
});

// A mail server takes mails of its own senders only.
add_filter('wp_mail_from', static fn (string $from): string => (string) getenv('MAIL_FROM') ?: $from, PHP_INT_MAX);
add_filter('wp_mail_from_name', static fn (string $name): string => $name === 'WordPress' ? get_bloginfo('name') : $name);

add_filter('pre_wp_mail', static function (?bool $result): ?bool {
    if ((string) getenv('MAIL_HOST') !== '') {
        return $result;
    }
    error_log('no mail was sent: the store has no mail server');
    return $result ?? false;
});
add_action('wp_mail_failed', static function (WP_Error $error): void {
    error_log("no mail was sent: {$error->get_error_message()}");
});

// A customer does not wait for the mail server: the shop's clock sends what an order says.
add_filter('woocommerce_defer_transactional_emails', '__return_true');
