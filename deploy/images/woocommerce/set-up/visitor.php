<?php

declare(strict_types=1);

/** Makes WordPress believe that a visitor came to the store's own address. */
$url = parse_url((string) getenv('STORE_URL'));
$_SERVER['HTTP_HOST'] = $url['host'] . (isset($url['port']) ? ":{$url['port']}" : '');
$_SERVER['HTTPS'] = 'on';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
$_SERVER['REQUEST_METHOD'] = 'GET';
$_SERVER['REQUEST_URI'] = '/';
$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
