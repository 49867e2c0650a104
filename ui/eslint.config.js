import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

const doorOnly = {
  group: ["@tauri-apps/*"],
  message: "Only src/platform/tauri.ts talks to the shell. Use the platform from the context.",
};

export default ts.config(
  { ignores: ["dist", "src/generated"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [ts.configs.strictTypeChecked, hooks.configs.flat.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "max-lines": ["error", { max: 400 }],
      "no-restricted-imports": ["error", { patterns: [doorOnly] }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // The compiler is not used; its advice about virtual lists does not apply.
      "react-hooks/incompatible-library": "off",
    },
  },
  { files: ["src/platform/tauri.ts"], rules: { "no-restricted-imports": "off" } },
  { files: ["public/*.js"], languageOptions: { globals: globals.browser, sourceType: "script" } },
);
