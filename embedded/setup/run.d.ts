/** Every executable called `name` on the system's PATH, first one first. */
export function onPath(name: string): Promise<string[]>
