<?php

declare(strict_types=1);

/** What WordPress shows when it cannot reach its database: nothing a cache or a search engine should keep. */
http_response_code(503);
header('Retry-After: 30');
header('Content-Type: text/plain; charset=utf-8');
echo "The shop is not available for the moment.\n";
