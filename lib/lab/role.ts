/** The role of a host for the packets of others. */
export interface Role {
  /** True where it passes them on. */
  readonly isRouter: boolean;
  /** The name of the network in which its own address stands for those behind it, if there is one. */
  readonly natNetwork?: string | undefined;
  /** True where it passes them on to the outside of the lab. */
  readonly leadsOutside?: boolean | undefined;
}
