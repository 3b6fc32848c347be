/**
 * The ports that have a listener each where the kernel cannot give one listener the connections to all: those of the
 * services that programs in sandboxes use, and of servers that people run for development.
 */
export const USUAL_PORTS: readonly number[] = [
  ...[20, 21, 22, 25, 53, 80, 110, 143, 389, 443, 465, 587, 636, 853, 873, 990, 993, 995],
  ...[1433, 1521, 3000, 3128, 3306, 3389, 4873, 5000, 5222, 5432, 5671, 5672, 6379, 6443, 7687],
  ...[8000, 8080, 8081, 8443, 8883, 8888, 9000, 9042, 9092, 9200, 9418, 11211, 27017],
];
