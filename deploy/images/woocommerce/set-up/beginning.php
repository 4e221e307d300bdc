<?php

declare(strict_types=1);

/**
 * A first set-up that was cut off cannot be continued: WordPress takes a database that holds its address for
 * installed. So its beginning is marked, and what it left is thrown away before it starts again. The mark is a table
 * whose comment is a name of its own; the same name is the first row ever written among the options. Both together
 * say "made by this set-up and by nobody else": a dump that was restored over it has no such row, and is kept.
 */

const MARK = 'storewright_set_up_begun';
const NAME_OPTION = 'storewright_set_up';

/** Returns the name of the first set-up of this database; "" where a shop is there already. */
function begin(mysqli $database): string
{
    $tables = tables_of($database);
    if ($tables === []) {
        $name = bin2hex(random_bytes(8));
        $database->query('CREATE TABLE ' . MARK . " (nothing INT) COMMENT = '$name'");
        return $name;
    }
    if (!in_array(MARK, $tables, true)) {
        return '';
    }
    $name = mark_of($database);
    $others = array_values(array_diff($tables, [MARK]));
    if (!is_of_set_up($database, $name, $others)) {
        fwrite(STDERR, "set-up: somebody else's shop was put here: it stays\n");
        come_to_an_end($database);
        return '';
    }
    if ($others !== []) {
        fwrite(STDERR, "set-up: a set-up was cut off: it starts again\n");
    }
    throw_away($database, $others);
    return $name;
}

function come_to_an_end(mysqli $database): void
{
    $database->query('DROP TABLE IF EXISTS ' . MARK);
}

function mark_of(mysqli $database): string
{
    $query = 'SELECT table_comment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ';
    return (string) $database->query("$query'" . MARK . "'")->fetch_row()[0];
}

/** @param list<string> $tables */
function is_of_set_up(mysqli $database, string $name, array $tables): bool
{
    if (in_array(OPTIONS, $tables, true)) {
        $query = 'SELECT option_value FROM ' . OPTIONS . " WHERE option_name = '" . NAME_OPTION . "'";
        $row = $database->query($query)->fetch_row();
        if (($row[0] ?? null) === $name) {
            return true;
        }
    }
    $holdsRows = static fn (string $table): bool => $database->query("SELECT 1 FROM `$table` LIMIT 1")->num_rows > 0;
    return array_filter($tables, $holdsRows) === [];
}

/**
 * The options go last: as long as anything is there, so is the row that says whose it is.
 *
 * @param list<string> $tables
 */
function throw_away(mysqli $database, array $tables): void
{
    usort($tables, static fn (string $a, string $b): int => ($a === OPTIONS) <=> ($b === OPTIONS));
    $database->query('SET SESSION foreign_key_checks = 0');
    foreach ($tables as $table) {
        $database->query("DROP TABLE `$table`");
    }
}
