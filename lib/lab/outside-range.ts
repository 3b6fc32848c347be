/** The addresses on the way outside. */
import { ADDRESSES } from '../network/attach/pasta';
import { Subnet } from './subnet';

/** The range that the program has its addresses from. No network of the lab can have it as well. */
export function outsideRange(): Subnet {
  const { gateway, prefix } = ADDRESSES;
  return Subnet.parse('subnet', `${gateway.replace(/\d+$/, '0')}/${prefix}`, 'inet');
}
