/** The types of those functions of scripts/floors.js that the tests use. */
export declare const FLOORS: readonly string[];
export declare function floorOf(file: string, lib?: string): string | undefined;
export declare function upwards(file: string, specifier: string, lib?: string): string | undefined;
export declare function importsOf(lib?: string): Map<string, Set<string>>;
export declare function circleOf(file: string, imports: Map<string, Set<string>>): string[] | undefined;
export declare function withPicture(page: string): string;
