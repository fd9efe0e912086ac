"""Common words of languages written in Latin letters, by ISO 639-1 code: lower case, without marks on letters.

`hr` stands for Bosnian and Serbian too, `hi` for Hindi as chats write it. The list of English has those words
too that are common in another language by accident (die, men, sun): a model of few English texts knows them by it.
"""

WORDS = {
    "en": """a about ad after again against ali all also although am an and another ant any anything are around as ask
at ate avant away back bad ban bare bat bay be because been before being ben best bet beth better between big bin bio
bit bob both boyle bus but by cal cam came can cant cap care co com come cos could cox dan dang day days dice did didn
die dig dim din do does doesn doing don done dont door down during each ed eden either else em encore errol even ever
every everything face fan far fare feel felt few film find first fog for fran fri from gall gave get give go god going
gone good gore got grand great gun ha had ham happy has hat have having he heel her here hi high him his home hope how
however hun i if im ima in into is isn it its ive jam jane just kane kay keep kim know lang last left leo let lets life
like little long look looking looks lot love made maine make makes making man many mar mate may me meme men mere met mia
might min mine mint mon more most movie much must my na need neither never next night nina no nor not nothing nova now
ny of off oh ok okay old oman on once one only or other our out over own pa par pat people per pie please plus pole polo
pot pre premier premiere pres primer pro put rat really right said sam same sara sat saw say says sea seal see seen sen
sense seo shall she should show sim sin since sis sit size so solo some someone something son state still such sun tab
take tat tech ted tell ten than thank thanks that the their them then there these they thi thing things think this
though through thu tie til till tim time to today told tomorrow too took tot try tue ty under until up us use used using
vain very vet via vice vid vs want war was wasn way we wed week well went were what when where whether which while who
why wil will wish with without won word words work works world worst would yeah year years yes yesterday yet you your yr
yrs""",
    "de": """aber alle alles als alten am an auch auf aus bei beim bevor bin bis bist bitte bleibt da dabei dafur daher
damit danke dann daran darauf darin das dass davon dein deine dem den der deren des deshalb dessen dich die diese diesem
diesen dieser dieses diesmal dir doch dort drei du durch ein eine einem einen einer eines einfach endlich entweder er
erste ersten es etwas euch fur ganz gegen geht gemacht gestern gibt gut guten hab habe haben hast hat hatte hatten heute
hier hinter ich ihm ihn ihr ihre ihren im immer in ist ja jede jeder jedes jedoch jemand jetzt kann kein keine keinen
konnen konnte konnten lassen leider machen macht mal man mehr mein meine meinen mich mir mit mochte morgen muss mussen
nach nachdem neben nein neue neuen neuer nicht nichts nie niemand noch nur obwohl oder ohne sagen sagt schon sehen sehr
seid sein seine seit sich sie sind so soll sollte sondern sowie sowohl trotzdem uber um und uns unser unsere unter viel
viele vom von vor wahrend war ware waren warum was weder weil weiss welche wenn wer werden wie wieder wieso will wir
wird wissen wo wollen wurde wurden zu zum zur zwei zwischen""",
    "nl": """aan al alle alles als altijd ben bent bij daar dan dank dat de deze die dit door echt een elk elke en er
erg gaat gebruik geen gewoon gisteren goed haar had heb hebben hebt heeft heel hem het hier hij hoe hoor hun iemand iets
ik in is ja je jij jou jouw jullie kan kunnen kunt lekker lijkt maakt maar maken me meer met mij mijn moet moeten mooi
morgen na naar nee niemand niet niets nog nooit nu of om omdat onder ons onze ook op over te toch tot tussen uit van
vandaag veel voor waar waarom waren was wat we weer weet wel werd werkt wie wij wil willen worden wordt zal ze zich zij
zijn zo zou""",
    "es": """ahi ahora al algo alguien alguna algunas alguno algunos antes aquel aqui asi aunque ayer bien buen buena
bueno cada como con contra cual cuales cualquier cuando de debe deben debo decir del dentro desde despues dice dijo
donde dos durante el ella ellos en entre era eran es esa ese eso esta estaba estado estan estas este esto estos estoy
fue fuera gracias gran grande gusta ha haber habia hace hacer hacia han hasta hay he hoy ir la las le les lo los manana
mas me mejor menos mi mientras mis misma mismo mucha muchas mucho muchos muy nada nadie ni ningun ninguna no nos
nosotros nueva nuevo nuevos nunca otra otro para pequeno pero poco podria podrian por porque primer primera puede pueden
puedo pues que querer quien quiere quieren quiero sabe saben saber se sea segun ser si sido siempre siendo sin sobre
solo son su sus tambien tan tanto te tener tengo tiene tienen toda todas todo todos tres tu un una unas unos usted
ustedes va vamos veo ver vez voy ya yo""",
    "pt": """agora algo alguem amanha ao aos aquele aqui as assim ate bem boa bom cada com como da das de desde deste do
dos ela elas ele eles em entre era essa esse esta estao estava este estou eu faz fazer foi foram gosto ha hoje ir isso
isto ja lhe mais mas me melhor menos meu minha muita muito na nada nao nas nem nenhum ninguem no nos nunca obrigada
obrigado onde ontem os ou outra outro para pela pelo pode podem pois por porque posso qual quando que quem quero sao se
seja sem sempre ser seu seus so sobre sua suas tambem te tem tenho ter tinha toda todo todos tu tudo um uma umas uns vai
vamos vez voce voces vou""",
    "gl": """agora algo ao aqui as asi ata ben bo boa cada cal cando como con da das de debe do dos ela eles en era esa
ese esta estan este estea eu facer foi grazas hai hoxe iso isto lle mais me mellor menos meu mina moi na nada nas nin
ninguen no non nos nunca onde os ou outra outro para pero pode poden pola polo por porque que quen se sempre sen ser seu
so sobre son sua tamen te ten tenho ter ti toda todo todos un unha vai vez xa""",
    "fr": """ai ainsi aller alors apres as assez au aucun aucune aujourd aussi autre autres aux avait avant avec avez
avoir avons ayant beaucoup bien bon bonne ca ce cela celle celles celui certains ces cest cet cette ceux chacun chaque
chez comme contre dans de deja demain depuis des deux devez doit doivent donc dont du elle elles en encore entre es est
et etait ete etes etre faire fais fait fois grand hier hui ici il ils jai jamais je la le les leur leurs lorsque lui ma
maintenant mais me meilleur meme merci mes moins mon ne ni nos notre nous nouveau nouveaux nouvelle on ont ou par parce
parmi pas pendant petit petite peu peut peux plus plusieurs pour pourquoi pourrait pouvez pouvoir premier premiere
puisque qu quand que quel quelle quelles quelqu quelque quels qui quoi rien sa sais sait sans savoir se selon sera
serait seront ses si soit sommes son sont sous suis sur ta tandis te tes ton toujours tous tout toute toutes tres trois
trop tu un une va vais vers veulent veut veux voila voir vois vont vos votre voulez vous vraiment""",
    "it": """abbiamo ad ai al all alla alle allo allora altra altro anche ancora andare avere avete aveva bene bisogna
buon buona che chi ci ciao come con cosi da dal dall dalla degli dei del dell della delle dello deve devo di dobbiamo
domani dopo dove dunque durante ecco ed era erano essendo essere fa faccio fanno fare fatto fra gia gli grazie ha hai
hanno ho ieri il in infatti invece io la le lei lo loro lui ma mai meglio meno mentre mi mia miei mio molte molti molto
ne nei nel nell nella nelle nessuno niente noi non nostra nostro nulla nuova nuovo oggi ogni ora per perche pero piace
piu pochi poco posso possono prego prima proprio puo qua qualcosa qualcuno quale quali quando quell quella quello questa
queste questi questo qui quindi sara saranno sarebbe se sei sempre senza si sia siamo siete solo sono sta stai stanno
stata state stati stato sto su sua sul sull sulla suo tanta tante tanti tanto ti tra tu tua tuo tutta tutte tutti tutto
un una uno va vado verso vi voglio voi volta vorrei vostra vostro vuole""",
    "ca": """aixi aixo al algun alguna alguns als altra altre amb aquell aquella aquest aquesta aquestes aquests aqui
ara avui be bon bona cada cap com cosa coses de del dels des dia dins dir dit doncs el ell ella els em en ens entre era
es esta estan estat estava estic et ets fa fer fet fins fora gracies ha han hauria haver he hem heu hi ho ja jo la les
li mai mateix mateixa menys mes meu meus meva meves millor molt molta moltes molts ni no nomes nosaltres nostre on per
pero perque poca podem poden podeu pot puc quan que qui quin res saber se sempre sense ser seu seus seva seves si sigui
sobre som son sou tambe te tenen tinc tot tota totes tots tu un una uns va vaig vam van vas vegada vol volem voler
vostre vull""",
    "ro": """aceasta acel acest acesta aceste acum ai aici al ale alt alta am are asa au avea avem azi bine bun buna ca
cand care ce ceva cine cineva cu cum daca dar de deja despre din doar ea ei el era este esti eu face fara fi fie fiecare
foarte fost ieri imi in intre isi iti la le lor lui ma mai maine mea mei mereu meu mult multumesc ne nici niciodata
nimeni nimic noi nu pana pe pentru poate pot prin sa sau se si sunt suntem ta te toate tot toti trebuie tu un unde unei
unui va voi""",
    "sv": """aldrig alla allt alltid an andra annan ar att av aven bara behover blev bli blir blivit borde bra da dar
darfor de dem den denna deras dessa det detta dig din dina ditt dock du efter eftersom eller en endast er ett far fatt
fick finns flera for forsta fran gar genom gjorde gjort god gor gora ha hade han har hela helt henne hon honom hos hur
idag igar igen imorgon inga ingen inget innan inte ja jag ju kan kanske kom kommer kunde lite liten litet maste med
medan mellan men mer mig min mina mitt mot mycket nagon nagot nagra nar nej ni nog nu ny nya och ocksa om oss over pa
redan sadan sade sager samma sedan ser sett sig sin sina sitt ska skulle som stor stora tack tagit till tog tre tror tva
tycker under utan vad valdigt var varfor varit varje vem vet vi vid vill visste vore""",
    "da": """af aldrig alle alt altid anden at blev blive bliver dag de dem den denne der deres det dette dig din dine
disse dit du efter eller en er et fik findes for fra gar gennem god godt gor ham han har havde have helt hende her hos
hun hvad hvem hvor hvordan hvorfor igar igen ikke ingen intet ja jeg jer jo kan kun kunne lige ma med meget mellem men
mere mig min mine mit morgen nar nej nogen noget nogle nu og ogsa om os pa sig sin sine sit skal skulle som tak til uden
under vaere var ved vi vil""",
    "no": """aldri alle alltid alt annen at av bare ble bli blir bra dag de deg dem den denne der dere deres det dette
din dine disse ditt du eller en er et etter fikk finnes for fra gar gjennom gjor god ha hadde ham han har helt henne her
hos hun hva hvem hvor hvordan hvorfor igjen ikke ingen ingenting ja jeg jo kan kunne ma med meg mellom men mer min mine
mitt morgen na nar nei noe noen og ogsa om oss pa seg sin sine sitt skal skulle som takk til under uten vaere var ved
veldig vi vil""",
    "is": """ad af aftur aldrei allir allt alltaf bara eda ef eg einnig eitthvad ekkert ekki en engin er eru fra fyrir
geta getur gott hafa hafdi hann hefur hja hun hvad hver hvernig ja ma med meira min minn mitt mjog nei nu og sem skal
takk thad thegar thessi thetta thu til um undir var vera verdur vid vil voru""",
    "fi": """aina edes ehka ei eika eilen eivat emme en enemman ennen ensimmainen et etta haluaa haluan han hanelle
hanen he heidan heille huomenna hyva hyvaa hyvin ihan ilman ja jalkeen jo johon joilla joista joita joka jokainen joku
jolla jonka jopa jos joskus jossa jotain jotka kaikki kaikkia kaksi kanssa kautta kiitos koska koskaan kuin kukaan kun
kylla me meidan meille mika miksi mina minua minulla minulle minun missa mita mitaan miten mukaan mun mutta myos nain
nama ne niiden niin niita nyt ole olemme olen olet oli olisi olivat olla oman on ovat paljon pitaa pitaisi saa saada se
sen siella siihen siina siita sina sinua sinulla sinulle sinun sita sitten sun taalla taas tahan tai tama taman tanaan
tassa tasta tata te tehda teidan teille tekee teki todella todellakin tulee tuli uuden uusi vain vanha varten viela voi
voit voivat yksi""",
    "et": """aga ainult aitah alati ehk ei eile enne et hea homme iga ilma isegi ja jah jalle jaoks juba just ka kaudu
keda keegi kelle kes kogu kohta koik korral kuhu kui kuid kuidas kunagi kus kust ma me meie mida midagi miks millal
mille mina minu mis mitte nad nagu need nemad nii niisama ning ole oled oleks olema oleme olen oli olid olime olla oma
on palju palun parast peab peaks peate pole praegu rohkem sa saa saab saaks saan seal seda see selle sellele selles
sellest sest siin siis sina sinu ta tahab tahan tana te teeb tegi teha teie tema tuleb tuli uue uus vaga vana veel voi
voib voin voivad""",
    "pl": """aby albo ale ani bardzo beda bedzie bedziemy bez bo byc byl byla byli bylo byly chce chyba ci cie co cos
czas czy dla dlaczego do dobry dobrze duzo dzieki dziekuje dzien dzis dzisiaj gdy gdyby gdzie go ich im inne inny ja jak
jednak jego jej jemu jesli jest jestem jestes jeszcze jutro juz kazda kazdy kiedy kto ktora ktore ktorego ktorej ktory
ktorych ktorym ktos lub ma maja malo mam masz mi mialem miec miedzy mnie moge moj moja moje moze mozecie mozemy mozesz
mozna musi my na nad nalezy nam nas nawet nic nie nigdy nikt niz nowa nowe nowy od on ona oni ono oraz pierwszy po pod
podczas potem prosze przeciw przez przy roku rowniez sa sam sama sie swoich swoj swoja swoje ta tak takze tam te tego
tej temu ten teraz tez to tu twoj twoja ty tych tylko tym tymi was wczoraj we wedlug wie wiec wiecej wiem wlasnie wokol
wszyscy wszystkich wszystko wy za zawsze ze zeby znowu zostal""",
    "cs": """aby ale ani aniz asi behem bez bude budeme budete budou byl byla byli bylo byly byt cas chce chci co dalsi
dekuji den diky dnes do dobre dobry ho hodne ja jak jako je jeho jejich jen jenom jeste ji jich jsem jsi jsme jsou jste
kazda kazdy kde kdo kdyby kdyz kolem ktera ktere ktereho kterou ktery kterych kvuli ma maji malo mam mas mate me mezi mi
mohou moje mu muj musi muze muzeme muzete my na nad nam nas ne nebo nebude nebyl neco nekdo nelze nemam neni nez nic
nikdo nikdy nova nove novy od on ona oni ono pak po pod podle pokud potom pouze pres pri pro proc prosim proti protoze
prvni rok se si stary svoje svou svuj svych ta tady tak take taky tam tato te tech techto ted ten tento teto ti tim to
toho tohoto tomu toto tvoj ty tyto uz vam vas vcera ve velmi vi vice vim vlastne vsech vsechno vsechny vsichni vy vzdy
za zase zde ze zitra""",
    "sk": """aby aj ak ako ale alebo ani asi bez bol bola boli bolo bude budeme budete budu byt cez chce chcem co
dakujem dalsi dnes do dobre dobry este ho iba ich ja je jeho ju kazda kazdy kde keby ked kto ktora ktore ktoreho ktoru
ktory ktorych kvoli len ma maju malo mam mate medzi mi moj moje moze mozeme mozete mozu mu musi my na nad nam nas nebol
nebude nemam nez nic nie nieco niekto nikdy nikto nova nove novy od okolo on ona oni ono po pocas pod podla potom pre
preco pretoze pri prosim proti prvy sa si sme so som ste su svoj svoje svojich svoju ta tak tam tato tejto ten tento
teraz ti tieto tiez to toho tohto tomu toto tu tvoj ty tychto tym uz vam vas vcera vdaka vela velmi viac viem vlastne vo
vsetci vsetko vsetky vsetkych vy vzdy za zajtra zase ze zo""",
    "hr": """ako ali bez bi bila bilo bio bit biti ce da danas do dobar dobro ga gde gdje hvala ih ili ima imaju imam iz
ja jako je jer jos juce jucer kad kada kako ko koja koje koji kroz li me mi mogu moj moja moje mora moze mu na nad nam
nas ne neko nesto netko ni nije nikad nikada niko nisam nista nitko od on ona oni ono opet ova ovaj ovo po pod pri sa
sada sam samo se si smo ste sto su sutra sve svi svoj ta taj takoder takodjer tamo te ti tko to tu tvoj uvek uvijek vam
vas vec vi vise vrlo za zasto""",
    "sl": """ali bi bil bila bilo biti bo bodo brez ce da danes do dober dobro ga hvala ima imajo imam in iz jaz je jih
jo jutri kaj kako katera kateri kdaj kdo ker ki kje ko lahko me mi moj moja mora mu na nad nam nas ne nekaj nekdo ni nic
nihce nikoli nisem niti od on ona oni pa po pod pri samo se sem si skozi smo so spet ste svoj ta tam te ti to tudi tukaj
tvoj vam vas vceraj vec vedno vi vse vsi za zakaj zdaj ze zelo""",
    "hu": """abban adja adjon ahol akar aki akkor alapjan alatt amely ami amig amikor amit annak arra arrol az azert
azok azonban azt azzal be benne csak csinal de ebben egesz egy egyik el eleg elott elso en engem ennek errol es ez ezek
ezert ezt ezzal ezzel fel fele fog fogja ha hanem harom hogy hogyan hol holnap honnan hova hozza ide igen igy illetve
ilyen ilyenkor inkabb innen is itt jo jobban jol kell kellene kerem ket keves ki kicsit koszonom kozott le legyen lehet
lehetne lenne lennem lesz lett ma magat mar masik meg mert mi miatt miatta miert mikor minden mindenki mindig mint
mintha mit mond mondta most nagyon nehany neked nekem neki nelkul nem nincs oda ok olyan onnan ott persze regi rola
rolam se sem semmi senki soha sok szamara szep szeretem szeretnek szerint talan te teged tegnap tenyleg ti tobb tole tud
tudja tudok tudom ugy uj ujra utan utolso vagy vagyok vagytok vagyunk valaki valami van vannak vele volt voltak""",
    "lt": """aciu ant apie arba as be bet bus buti buvo cia dabar dar daugiau esi esu gali gerai geras iki ir is jai jam
jau jei jeigu ji jie jis jus kad kada kai kaip kas kazkas kodel kur kuri kuris labai man mane mano mes ne nera nes
niekada niekas nieko nuo pat per po prie reikia rytoj savo si sia siandien sio sios sis su ta tai taip tas tau tave tavo
ten tik tu turi uz vakar vel visada visi viskas yra""",
    "lv": """ar ari atkal bet bez bija bus but caur divi es esam esat esi esmu ir ja jau jauna jauns jo jums jus ka kad
kamer kapec kas katrs katru kaut kur kura kuram kuras kuri kurs kuru labi labs lai lidz loti ludzu man mani mans mes
mums nav ne nekad neko nevar neviens no paldies par pec pie pirms pret rit saja savas savu seit si siem sim sis so
sodien starp ta tad tagad tam tapec tas tavs tev tevi tie tiem tikai tomer tu tur un uz vai vairak vajag vakar var varat
varetu vel viena vienmer viens vina vinai vinam vini vins vinu visi viss""",
    "sq": """ai ajo asgje askush ata atje cfare dhe dicka dje duhet edhe eshte faleminderit gjitha gjithe gjithmone im
ime ishte jane jo ju ka kam kane kemi keto ketu kjo ku kur kurre kush ky me mire mua mund ne nese neser nga nje nuk ose
per po por pse qe se sepse shume si sot tani te teper ti ty une vetem yt""",
    "tr": """ama ancak arasinda artik az bana bazi belki ben bence benden beni benim beri bile bir birkac biz bizde bize
bizi bizim boyle bu bugun buna bunu bunun butun buyuk cok cunku da daha de degil degildi degilim diye dogru dun eden
eder edin ediyor eger en eski etmek etti ettik ettim evet fakat geldi gercekten gibi gitti gore gun gunu guzel hakkinda
hangi hatta hayir hep her hic hicbir icin icinde iki ile ilk insan iste istemiyorum istiyorum iyi kac kadar karsi kendi
ki kim kucuk lutfen mi mu nasil ne neden nedir nerede niye olabilir olacak olan olarak oldu oldugu olmadi olmak olmus
olsun olur oluyor ona once ondan onlar onlarin onu onun oyle sadece sana sen senden seni senin sey seyi simdi siz size
sizi sizin son sonra soyle su sunu sunun tamam tarafindan tekrar tesekkurler tum uc uzerinde var vardi ve veya ya yani
yapmak yapti yaptim yarin yeni yine yok yoksa yoktu zaman zaten""",
    "az": """amma artiq beli belke biler bir biz bizim bu bunu cox cunki da daha de deyil dunen edin eger en etmek evvel
gun hansi harada hec her ile indi ki kim kimi men mene meni menim ne nece niye ola olan olaraq oldu oldugu olmaq olsun
olur onlar onu onun oz qeder sabah sen sene seni senin sey siz sonra ucun var ve xeyr ya yalniz yaxsi yene yox""",
    "id": """ada adalah aja akan aku anda antara apa atau bagaimana bagus baik banget banyak belum besok bisa buat bukan
dalam dan dapat dari deh dengan di dia dong ga gak hanya hari harus ia ingin ini itu jangan jika juga kalau kami kamu
kapan karena kasih ke kemarin kenapa kita kok ku lagi lah lain lebih mana masih mau mengapa mereka mu nggak nya oleh
orang pada paling pernah saja sampai sangat satu saya sebuah sedang sekarang selalu semua sendiri seperti sesuatu setiap
siapa sih sudah tanpa tapi telah tentang terima tersebut tetapi tidak udah untuk ya yang""",
    "ms": """ada adalah akan anda apa atau awak bagaimana baik banyak belum bila boleh bukan dalam dan dapat dari dengan
di dia esok hanya hari ingin ini itu jangan jika juga kami kasih ke kenapa kerana kita lagi lain lebih mahu mana masih
mereka mesti nak oleh orang pada paling sahaja sampai sangat satu saya sedang sekarang selalu semua sendiri seperti
setiap siapa sudah tak telah terima tetapi tidak untuk ya yang""",
    "tl": """akin ako amin ang ano at ay ba bakit bawat bukas dahil din dito doon gusto hindi ikaw ito iyan iyo iyon ka
kahapon kahit kailan kami kanya kasi kay kayo ko kung lagi lahat lang mabuti maganda mas may mayroon mga mo na naman
natin ng nga ngayon oo opo pa paano pang para pero po rin sa saan salamat sila sino siya sobrang talaga tayo wala yun
yung""",
    "vi": """ai anh ay ban bay bi ca cai cam chi cho chua chung co con cua cung da dang dau day den do duoc em gi gio
giua hai hay ho hoac hom hon khi khong kia la lai lam luon ma mai minh moi mot nao nay neu ngoai nguoi nhat nhieu nhu
nhung no on phai qua rat roi sao se ta tat the thi toi tot tren trong tu va vang ve vi voi""",
    "hi": """aaj aap abhi accha acha agar apna apni aur bahot bahut bhai bhi bohot gaya gayi hai hain hi ho hoga hogi
hota hoti hum humko is iska jab ka kab kahan kaise kal kar karna karo kaun ke ki kiya ko koi kuch kya kyon kyu kyun
kyunki lekin magar mai mein mera mere meri mujhe nahi nahin nhi par phir raha rahe rahi sab sabse se sirf tab tera teri
tha the thi toh tujhe tum tumhara unka us uska wo woh ya yaar ye yeh""",
    "sw": """alikuwa ambaye ambayo ana asante au cha daima hadi hapa hapana haya hii hilo hiyo hizi huko huyo ilikuwa
ina inaweza jana kama katika kesho kila kutoka kuwa kwa kwanini la lakini lazima leo lini mimi na nani ndiyo ni nina
nini ninyi nzuri pia sababu sana sasa si sisi tu una vipi vya wa wana wao wapi wewe wote ya yeye yote za zaidi""",
    "af": """aan alle alles altyd as baie by daar daardie dan dankie deur die ek en geen gister goed haar het hier
hierdie hoe hoekom hom hul hulle hy iets in is ja jou julle jy kan maar met moet more my na nee nie niks nog nooit nou
of om omdat onder ons ook oor op sal sy te uit van vandag vir waar was wat weer wie wil word""",
    "cy": """ac am ar beth ble bob bod bydd chi da dim diolch dros dy ef ei eich ein eu fi fy gall gallwch gan gyda heb
heddiw hefyd hi hon hwn hyn iawn mae mwy nawr neu nhw ni nid oedd oherwydd ond os pam pob popeth pryd pwy rhaid sut sydd
ti wedi yma yn yr yw""",
    "eu": """asko atzo bai baina bakarrik bat behar beti bihar da dago daude dena dezu dira ditu du dut dute edo egin
ere eskerrik eta ez gaur gehiago gu guztiak haiek hau hemen hori hura inoiz izan ni noiz nola non nor ongi orain oso zen
zer zergatik ziren zu zuek zuen""",
    "ga": """ach ag agus an anois ar as beidh bheith bhi ca cad cathain ce conas de do faoi freisin gach gan go inniu is
le maith mar me mo na ni nil nios no raibh se seo si siad sibh sin sinn ta tu""",
}
