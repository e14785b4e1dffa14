/**
 * Objects in the place of modules. A config names code by a text; an object that a caller passes gets a
 * name that only this call's loader knows, and from there on goes the way of any module.
 */
import { type LoadModule, loadModule } from '../config/load-module.ts';
import { digestOf } from '../core/digest.ts';

export type OwnObjects = {
  /** Gives the object its name. */
  nameOf(object: object): string;
  /** The part as a config has it; what is none of the caller's own stays as it is. */
  settingsOf(part: object): object;
  readonly load: LoadModule;
};

/** Of an object nobody sees the code: only what it says of itself tells two apart. */
const objectDigest = digestOf('object');

export function createOwnObjects(): OwnObjects {
  const objects = new Map<string, object>();
  const nameOf = (object: object) => {
    const name = `(object ${objects.size + 1})`;
    objects.set(name, object);
    return name;
  };
  return {
    nameOf,
    // A config says what `kind` it is of; an object of the caller's own does not.
    settingsOf: (part) => ('kind' in part ? part : { kind: 'module', module: nameOf(part) }),
    load: async (reference, where) => {
      const value = objects.get(reference);
      if (value === undefined) return loadModule(reference, where);
      return { reference, value, digest: objectDigest };
    },
  };
}
