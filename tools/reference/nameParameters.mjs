/** Parameters that are taken apart where they are declared have no name: they get the last word of their type's, as `options` or `state`. */
import { Converter, ReflectionKind } from 'typedoc';

/** @param {import('typedoc').Application} application */
export function load(application) {
  application.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (parameter.name.startsWith('__namedParameters')) parameter.name = lastWord(parameter.type) ?? 'options';
    }
  });
}

/** Of `Pick<RunSettings, 'seed'>` that of RunSettings; undefined where the type has no name. */
function lastWord(type) {
  if (type?.type !== 'reference') return undefined;
  const inner = type.typeArguments?.find((argument) => argument.type === 'reference');
  return lastWord(inner) ?? type.name.match(/[A-Z][a-z0-9]+$/)?.[0].toLowerCase();
}
