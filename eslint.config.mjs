import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import floors from './scripts/floors.js';

const nodeGlobals = Object.fromEntries(
  ['Buffer', 'console', 'module', 'process', 'require', '__dirname', '__filename', 'setTimeout', 'clearTimeout'].map(
    (name) => [name, 'readonly'],
  ),
);

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'build/', 'prebuilds/', 'coverage/', 'docs/reference/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // The one way to load a part of this package when it is first used: `require()` of it, with its type by `import type`.
    // scripts/bundle.js makes a chunk of what is required so.
    files: ['lib/**/*.ts'],
    rules: { '@typescript-eslint/no-require-imports': ['error', { allow: ['^\\.{1,2}/'] }] },
  },
  {
    // Tests check by hand what a type says cannot be, and hand in what a type forbids.
    files: ['test/**/*.ts', 'examples/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
    },
  },
  {
    // All that the command line prints goes through cli/output.ts, which makes it printable.
    files: ['cli/**/*.ts'],
    ignores: ['cli/output.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.property.name='write'][callee.object.property.name=/^std(out|err)$/]",
          message: 'Print with the functions of cli/output.ts.',
        },
      ],
    },
  },
  {
    // Each folder of lib/ stands only on those below it: CONTRIBUTING.md, "The floors".
    files: ['lib/**/*.ts'],
    plugins: { floors },
    rules: { 'floors/upwards': 'error' },
  },
  {
    files: ['lib/**/*.ts', 'cli/**/*.ts'],
    plugins: { floors },
    rules: { 'floors/circles': 'error' },
  },
  {
    files: ['**/*.js'],
    languageOptions: { sourceType: 'commonjs', globals: nodeGlobals },
  },
);
