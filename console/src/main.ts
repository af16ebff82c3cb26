import 'maplibre-gl/dist/maplibre-gl.css';
import './css/console.css';
import { pass } from './account/gate';
import { AccountMenu } from './account/menu';
import { App } from './app';
import { startLanguage } from './i18n';
import { applyTheme } from './theme';

applyTheme();
startLanguage();

// Nothing of the island is asked for before somebody is let in.
void pass().then((caller) => {
  new AccountMenu(caller);
  new App().start();
});
