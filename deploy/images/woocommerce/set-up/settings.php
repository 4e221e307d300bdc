<?php

declare(strict_types=1);

const SAMPLE = 'sample-product';
const COUNTRY = 'AT';
const COUNTRY_ADDRESS = ['city' => 'Wien', 'postcode' => '1010'];

/** A new shop's settings, made once: then they belong to its owner. One way to pay, one product, the shop in front. */
function make_settings(): void
{
    WC_Install::create_pages();
    $country = given('STORE_COUNTRY') ?? COUNTRY;
    $address = $country === COUNTRY ? COUNTRY_ADDRESS : ['city' => '-', 'postcode' => ''];
    $options = [
        'permalink_structure' => '/%postname%/',
        'show_on_front' => 'page',
        'page_on_front' => wc_get_page_id('shop'),
        'woocommerce_store_address' => '-',
        'woocommerce_store_city' => $address['city'],
        'woocommerce_store_postcode' => $address['postcode'],
        'woocommerce_default_country' => $country,
        ...customs_of($country),
        ...wanted(),
        'woocommerce_coming_soon' => 'no',
        'woocommerce_allow_tracking' => 'no',
        'woocommerce_onboarding_profile' => ['skipped' => true],
        'woocommerce_cod_settings' => ['enabled' => 'yes', 'title' => 'Cash on delivery'],
    ];
    foreach ($options as $name => $value) {
        update_option($name, $value);
    }
    remove_examples();
    make_sample_product();
    flush_rewrite_rules(false);
}

/** Currency and units as they are used in a country; WooCommerce's own for the few it knows nothing of. */
function customs_of(string $country): array
{
    $locale = (include WC()->plugin_path() . '/i18n/locale-info.php')[$country] ?? null;
    if ($locale === null) {
        return [];
    }
    return [
        'woocommerce_currency' => $locale['currency_code'],
        'woocommerce_currency_pos' => $locale['currency_pos'],
        'woocommerce_price_thousand_sep' => $locale['thousand_sep'],
        'woocommerce_price_decimal_sep' => $locale['decimal_sep'],
        'woocommerce_price_num_decimals' => $locale['num_decimals'],
        'woocommerce_weight_unit' => $locale['weight_unit'],
        'woocommerce_dimension_unit' => $locale['dimension_unit'],
    ];
}

/** What was asked for beside the country. A language that is not in the image ends the set-up, and is named. */
function wanted(): array
{
    $locale = given('STORE_LOCALE');
    if ($locale !== null && $locale !== 'en_US' && !in_array($locale, get_available_languages(), true)) {
        throw new RuntimeException("the image has no language $locale; build it with LOCALES=$locale");
    }
    return array_filter([
        'woocommerce_currency' => given('STORE_CURRENCY'),
        'timezone_string' => given('STORE_TIME_ZONE'),
        'WPLANG' => $locale === 'en_US' ? null : $locale,
    ]);
}

function given(string $variable): ?string
{
    $value = (string) getenv($variable);
    return $value === '' ? null : $value;
}

/** WordPress's own: a shop has nothing to say to the world yet. */
function remove_examples(): void
{
    foreach (['hello-world' => 'post', 'sample-page' => 'page'] as $slug => $type) {
        $example = get_page_by_path($slug, OBJECT, $type);
        if ($example !== null) {
            wp_delete_post($example->ID, true);
        }
    }
}

function make_sample_product(): void
{
    if (get_page_by_path(SAMPLE, OBJECT, 'product') !== null) {
        return;
    }
    $product = new WC_Product_Simple();
    $product->set_name('Sample product');
    $product->set_slug(SAMPLE);
    $product->set_sku('SAMPLE');
    $product->set_regular_price('10');
    $product->set_virtual(true);
    $product->set_status('publish');
    $product->save();
}
