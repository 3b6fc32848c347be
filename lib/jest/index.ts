/**
 * A test environment for Jest, which says what each test file has left open of this package: `testEnvironment:
 * 'linux-ns/jest'`. It is Jest's environment for Node, and nothing else of it is changed.
 *
 * @packageDocumentation
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describeHandles, registryOf } from '../handle/open';

/** An environment of Jest, as far as it matters here. */
interface Environment {
  readonly global: object;
  teardown(): Promise<void>;
}

/** The facts that Jest gives an environment, as far as they matter here. */
interface Config {
  readonly projectConfig: { readonly rootDir: string };
}

/** The test file. */
interface Context {
  readonly testPath: string;
}

type EnvironmentClass = new (config: Config, context: Context) => Environment;

/** The package jest-environment-node. */
interface Jest {
  readonly TestEnvironment: EnvironmentClass;
}

/**
 * The environment of one test file: Jest calls it with `new`. When the file is done, all of its hooks included, what is
 * still open is written to standard error, with the line that has made it.
 */
function openHandlesEnvironment(config: Config, context: Context): Environment {
  const environment = new (nodeEnvironment(config.projectConfig.rootDir))(config, context);
  const registry = registryOf(environment.global);
  const teardown = environment.teardown.bind(environment);
  registry.traced = true;
  environment.teardown = async () => {
    const handles = [...registry.open];
    if (handles.length > 0) process.stderr.write(`${context.testPath}: ${describeHandles(handles)}\n`);
    await teardown();
  };
  return environment;
}

/** Jest's own environment: that of the project, or else that of the Jest which runs. */
function nodeEnvironment(rootDir: string): EnvironmentClass {
  const [project, running] = [join(rootDir, 'package.json'), require.main?.filename ?? __filename].map(createRequire);
  try {
    return (project?.('jest-environment-node') as Jest).TestEnvironment;
  } catch {
    return (running?.('jest-environment-node') as Jest).TestEnvironment;
  }
}

export = openHandlesEnvironment;
