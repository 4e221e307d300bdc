<?php

declare(strict_types=1);

/**
 * Plugin Name: Test order
 * Description: The order by which a store is tested is found by a later test instead of repeated, and is undone after a while.
 */

defined('ABSPATH') || exit;

/** The customer of a test; `.invalid` belongs to nobody. */
const TEST_ORDER_EMAIL = 'smoke-test@storewright.invalid';
const TEST_ORDER_KEPT_S = 600;

// Before it is paid: a checkout that dies in between leaves nothing for good.
add_action('woocommerce_store_api_checkout_order_processed', static function (WC_Order $order): void {
    if ($order->get_billing_email() === TEST_ORDER_EMAIL) {
        wp_schedule_single_event(time() + TEST_ORDER_KEPT_S, 'store_undo_test_order', [$order->get_id()]);
    }
});

// Its cancellation gives the stock back, its deletion takes it out of the owner's lists and analytics. No mail tells of it.
add_action('store_undo_test_order', static function (int $id): void {
    $order = wc_get_order($id);
    if (!$order instanceof WC_Order || $order->get_billing_email() !== TEST_ORDER_EMAIL) {
        return;
    }
    add_filter('woocommerce_defer_transactional_emails', '__return_false', PHP_INT_MAX);
    add_filter('pre_wp_mail', '__return_true', PHP_INT_MAX);
    $order->update_status('cancelled');
    $order->delete(true);
    remove_filter('pre_wp_mail', '__return_true', PHP_INT_MAX);
    remove_filter('woocommerce_defer_transactional_emails', '__return_false', PHP_INT_MAX);
});

// Says no more than that a test bought something: for a test whose checkout was not answered, and for the next one.
add_action('rest_api_init', static function (): void {
    register_rest_route('storewright/v1', '/test-order', [
        'methods' => 'GET',
        'permission_callback' => '__return_true',
        'callback' => static function () {
            $orders = wc_get_orders([
                'billing_email' => TEST_ORDER_EMAIL,
                'status' => ['processing', 'completed'],
                'date_created' => '>' . (time() - TEST_ORDER_KEPT_S),
                'limit' => 1,
            ]);
            return $orders === []
                ? new WP_Error('no_test_order', 'There is no test order', ['status' => 404])
                : ['order_id' => $orders[0]->get_id()];
        },
    ]);
});
