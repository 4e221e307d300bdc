<?php

declare(strict_types=1);

/** Runs what is due in the shop: WordPress's own events and, through one of them, WooCommerce's actions. */

require __DIR__ . '/set-up/visitor.php';
require '/var/www/html/wp-cron.php';
