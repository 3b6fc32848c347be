/**
 * Filters of system calls: compiles OCI profiles to the programs that the kernel runs.
 *
 * @module linux-ns/seccomp
 */
export { type CompiledSeccomp, type CompileSeccompOptions, compileSeccomp } from './compile';
export { type DefaultSeccompOptions, defaultSeccompProfile } from './default-profile';
export type { SeccompAction } from './action';
export type { SeccompArchitecture } from './architecture';
export type { SeccompFlag } from './flags';
export type {
  SeccompArchMap,
  SeccompArgument,
  SeccompCircumstances,
  SeccompOperator,
  SeccompProfile,
  SeccompRule,
} from './profile';
export type { SeccompOption } from './seccomp';
